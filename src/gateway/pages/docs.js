// The reference at /docs: /openapi.json as a page. All texts go in as text, none as markup.
'use strict';

const VERBS = ['get', 'post', 'put', 'patch', 'delete'];

function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children.filter((child) => child !== undefined && child !== null));
  return element;
}
const paragraphs = (text) => (text ?? '').split('\n').filter(Boolean).map((line) => make('p', {}, line));
const resolve = (document_, value) => (value?.$ref === undefined ? value
  : value.$ref.slice(2).split('/').reduce((at, key) => at[key], document_));
const anchor = (kind, name) => `${kind}-${name}`;

// "array of OrderLine", with a link to what it is.
function typeOf(schema) {
  if (schema === undefined) return [''];
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split('/').pop();
    return [make('a', { href: `#${anchor('schema', name)}` }, name)];
  }
  if (schema.type === 'array') return ['array of ', ...typeOf(schema.items)];
  return [schema.format === undefined ? schema.type : `${schema.type} (${schema.format})`];
}
function limitsOf(schema) {
  const found = [];
  const range = (least, most, unit) => {
    if (least !== undefined && most !== undefined) found.push(`${least} to ${most}${unit}`);
    else if (least !== undefined) found.push(`at least ${least}${unit}`);
    else if (most !== undefined) found.push(`at most ${most}${unit}`);
  };
  range(schema.minimum ?? schema['x-minimum'], schema.maximum ?? schema['x-maximum'], '');
  range(schema.minLength, schema.maxLength, ' characters');
  range(schema.minItems, schema.maxItems, ' items');
  if (schema.pattern !== undefined && schema['x-minimum'] === undefined) found.push(schema.pattern);
  if (schema.readOnly) found.push('read only');
  return found.join('; ');
}
function table(caption, rows) {
  if (rows.length === 0) return undefined;
  const head = make('tr', {}, ...['Name', 'Type', 'Limits', 'Description'].map((text) => make('th', { scope: 'col' }, text)));
  return make('div', { class: 'wide' }, make('table', {}, make('caption', {}, caption), make('thead', {}, head), make('tbody', {}, ...rows)));
}
const row = (name, schema, description) => make('tr', {},
  make('th', { scope: 'row' }, make('code', {}, name)), make('td', {}, ...typeOf(schema)),
  make('td', {}, limitsOf(schema)), make('td', {}, ...paragraphs(description)));
const fieldsOf = (caption, schema) => table(caption,
  Object.entries(schema.properties ?? {}).map(([name, field]) => row(name, field, field.description)));

function bodyOf(operation) {
  const schema = operation.requestBody?.content['application/json'].schema;
  if (schema === undefined) return [];
  if (schema.$ref !== undefined) return [make('p', {}, 'Body: ', ...typeOf(schema))];
  return [fieldsOf('Body', schema)];
}
function operationSection(document_, path, verb, operation) {
  const parameters = (operation.parameters ?? []).map((parameter) => resolve(document_, parameter));
  const scopes = [...new Set((operation.security ?? []).flatMap((scheme) => Object.values(scheme).flat()))];
  const answers = Object.entries(operation.responses).map(([code, value]) => {
    const answer = resolve(document_, value);
    const schema = answer.content?.['application/json']?.schema;
    return make('li', {}, make('code', {}, code), ' ', answer.description, ...(schema ? [' ', ...typeOf(schema)] : []));
  });
  return make('section', { id: anchor('operation', operation.operationId), 'data-words': `${path} ${operation.operationId} ${operation.summary}`.toLowerCase() },
    make('h3', {}, operation.summary),
    make('p', {}, make('span', { class: 'verb' }, verb.toUpperCase()), make('code', {}, path)),
    ...paragraphs(operation.description === `${operation.summary}.` ? '' : operation.description),
    scopes.length > 0 ? make('p', { class: 'muted' }, `Scope: ${scopes.join(', ')}`) : undefined,
    table('Parameters', parameters.map((parameter) => row(`${parameter.name} (${parameter.in})`, parameter.schema, parameter.description))),
    ...bodyOf(operation),
    make('p', {}, 'Answers'), make('ul', {}, ...answers));
}
function schemaSection(name, schema) {
  return make('section', { id: anchor('schema', name), 'data-words': name.toLowerCase() },
    make('h3', {}, name), ...paragraphs(schema.description),
    schema.enum ? make('p', {}, ...schema.enum.flatMap((value) => [make('code', {}, value), ' '])) : undefined,
    fieldsOf('Fields', schema));
}
function indexOf(title, entries) {
  return [make('h2', {}, title), make('ul', {}, ...entries.map(([id, text]) =>
    make('li', { 'data-for': id }, make('a', { href: `#${id}` }, text))))];
}

function render(document_) {
  const content = document.getElementById('content');
  const index = document.getElementById('index');
  document.getElementById('title').textContent = `${document_.info.title} ${document_.info.version}`;
  content.replaceChildren(...paragraphs(document_.info.description),
    make('p', {}, 'For tools: ', make('a', { href: '/openapi.json' }, '/openapi.json')));
  for (const tag of document_.tags) {
    const found = Object.entries(document_.paths).flatMap(([path, item]) => VERBS.filter((verb) => item[verb]?.tags.includes(tag.name))
      .map((verb) => ({ path, verb, operation: item[verb] })));
    content.append(make('h2', {}, tag.name), ...paragraphs(tag.description),
      ...found.map(({ path, verb, operation }) => operationSection(document_, path, verb, operation)));
    index.append(...indexOf(tag.name, found.map(({ operation }) => [anchor('operation', operation.operationId), operation.operationId])));
  }
  const schemas = Object.entries(document_.components.schemas).sort(([a], [b]) => a.localeCompare(b));
  content.append(make('h2', {}, 'Schemas'), ...schemas.map(([name, schema]) => schemaSection(name, schema)));
  index.append(...indexOf('Schemas', schemas.map(([name]) => [anchor('schema', name), name])));
}
function filter(text) {
  for (const section of document.querySelectorAll('section')) section.hidden = !section.dataset.words.includes(text);
  for (const item of document.querySelectorAll('nav li')) item.hidden = document.getElementById(item.dataset.for).hidden;
}

fetch('/openapi.json').then((response) => response.json()).then((document_) => {
  render(document_);
  document.getElementById('filter').addEventListener('input', (event) => filter(event.target.value.toLowerCase()));
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}).catch((error) => { document.getElementById('state').textContent = `The description cannot be read: ${error.message}`; });
