// Charts by hand: small SVGs, each with a sentence for those who do not see them.

const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 600, HEIGHT = 140;

function shape(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

// The next of 1, 2, 5, 10, 20 ... above it, so that the scale does not jump with each value.
export function ceiling(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1e-9)));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value) ?? 1;
}

const grid = () => [0.25, 0.5, 0.75, 1].map((part) => shape('line', { class: 'grid', x1: 0, x2: WIDTH, y1: HEIGHT * part, y2: HEIGHT * part }));

// values: numbers or undefined (nothing known), the newest last; `slots` of them fill the width.
export function bars(svg, values, slots, label) {
  const top = ceiling(Math.max(1, ...values.filter((value) => value !== undefined)));
  const width = WIDTH / slots;
  svg.replaceChildren(...grid(), ...values.flatMap((value, index) => (value > 0 ? [shape('rect', {
    class: 'rate', x: (slots - values.length + index) * width, width: Math.max(width - 1, 1),
    y: HEIGHT - (value / top) * HEIGHT, height: (value / top) * HEIGHT })] : [])));
  svg.setAttribute('aria-label', label);
  return top;
}

// series: [{name, values}] on one scale.
export function lines(svg, series, slots, label) {
  const known = series.flatMap(({ values }) => values.filter((value) => value !== undefined));
  const top = ceiling(Math.max(1e-3, ...known));
  const paths = series.map(({ name, values }) => {
    let path = '';
    values.forEach((value, index) => {
      if (value === undefined) return;
      const x = ((slots - values.length + index + 0.5) / slots) * WIDTH, y = HEIGHT - (value / top) * HEIGHT;
      path += `${values[index - 1] === undefined ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`;
    });
    return shape('path', { class: name, d: path || 'M0 0' });
  });
  svg.replaceChildren(...grid(), ...paths);
  svg.setAttribute('aria-label', label);
  return top;
}
