import { expect, it } from 'vitest';

import { get, post } from '../src/lib/rest';

const answer = (status: number, body: string) => async () => new Response(body, { status });

it('gives the value', async () => {
  expect(await get('x', answer(200, '{"a":1}'))).toEqual({ ok: true, value: { a: 1 } });
  expect(await get('x', answer(200, ''))).toEqual({ ok: true, value: {} });
});

it('sends JSON', async () => {
  let sent: RequestInit | undefined;
  await post('x', { level: 'off' }, async (_, init) => {
    sent = init;
    return new Response('{}');
  });
  expect(sent?.body).toBe('{"level":"off"}');
  expect(sent?.headers).toMatchObject({ 'content-type': 'application/json' });
});

it.each([
  ['a refusal', answer(422, '{"detail":"level: wrong"}'), 'level: wrong'],
  ['no JSON', answer(200, 'hello'), 'The appliance answered something that is not JSON.'],
  [
    'no appliance',
    async () => {
      throw new TypeError('Failed to fetch');
    },
    'The appliance cannot be reached.',
  ],
  [
    'no answer in time',
    async () => {
      throw new DOMException('', 'TimeoutError');
    },
    'The appliance did not answer in time.',
  ],
])('turns %s into a sentence', async (_, via, problem) => {
  expect(await get('x', via)).toEqual({ ok: false, problem });
});
