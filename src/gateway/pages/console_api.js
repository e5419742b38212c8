// The gateway's interface as the console uses it: JSON, server-sent events, and failures that say what is known.

export class Failure extends Error {
  constructor(status, reason, message, metadata = {}) {
    super(message);
    Object.assign(this, { status, reason, metadata });
  }
}

const KEY = 'order-console-key';
export const key = {
  get: () => sessionStorage.getItem(KEY) ?? '',
  set: (text) => (text ? sessionStorage.setItem(KEY, text) : sessionStorage.removeItem(KEY)),
};

const authorization = () => (key.get() ? { Authorization: `Bearer ${key.get()}` } : {});

async function failureOf(response) {
  const { error } = await response.json().catch(() => ({}));
  const info = error?.details?.find((detail) => detail['@type']?.endsWith('ErrorInfo'));
  return new Failure(response.status, info?.reason ?? '', error?.message ?? `HTTP ${response.status}`, info?.metadata);
}

async function request(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Failure(0, 'UNREACHABLE', 'the gateway cannot be reached');
  }
  if (!response.ok) throw await failureOf(response);
  return response;
}

export async function get(path, query = {}) {
  const parameters = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== '' && value !== undefined));
  const response = await request(`${path}${parameters.size ? `?${parameters}` : ''}`, { headers: authorization() });
  return response.json();
}

// A request that changes something has a name of its own: sent again, it is done once.
export async function post(path, body, name = crypto.randomUUID()) {
  const response = await request(path, {
    method: 'POST', headers: { ...authorization(), 'Content-Type': 'application/json', ...(name && { 'Idempotency-Key': name }) },
    body: JSON.stringify(body) });
  return response.json();
}

// Calls on.event({id, event, data}) for each event until stop() is called; comes back by itself, from where it was.
// data is a text: not everybody wants it parsed. on.state: 'on', 'off', or a Failure that waiting does not heal.
export function follow(path, on) {
  const abort = new AbortController();
  let last = '';
  (async () => {
    for (let wait = 500; !abort.signal.aborted; wait = Math.min(wait * 2, 8000)) {
      try {
        const response = await request(path, { headers: { ...authorization(), ...(last && { 'Last-Event-ID': last }) }, signal: abort.signal });
        on.state('on');
        wait = 500;
        for await (const event of eventsOf(response.body)) {
          if (event.id) last = event.id;
          if (event.event) on.event(event);
        }
      } catch (error) {
        if (abort.signal.aborted) return;
        if (error instanceof Failure && [401, 403, 404].includes(error.status)) {
          on.state(error);
          return;
        }
      }
      on.state('off');
      await new Promise((resolve) => { setTimeout(resolve, wait); });
    }
  })();
  return { stop: () => abort.abort() };
}

async function* eventsOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const blocks = text.split('\n\n');
    text = blocks.pop();
    for (const block of blocks) {
      const event = {};
      for (const line of block.split('\n')) {
        const colon = line.indexOf(': ');
        if (colon > 0) event[line.slice(0, colon)] = line.slice(colon + 2);
      }
      yield event;
    }
  }
}
