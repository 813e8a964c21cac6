import { Secret } from '@app/secrets';

/** What a JSON body may hold; a `Secret` is exposed only by `toJson`, so a body that is logged by mistake shows none. */
export type WireValue =
  string | number | boolean | null | Secret | readonly WireValue[] | { readonly [name: string]: WireValue | undefined };

export type WireForm = Readonly<Record<string, string | Secret>>;

export function toJson(body: WireValue): string {
  return JSON.stringify(body, function (this: Record<string, unknown>, key, value: unknown) {
    // `value` is what Secret.toJSON made of it.
    const raw = this[key];
    return raw instanceof Secret ? raw.expose() : value;
  });
}

export function toForm(form: WireForm): string {
  return new URLSearchParams(
    Object.entries(form).map(
      ([name, value]) => [name, value instanceof Secret ? value.expose() : value] as [string, string],
    ),
  ).toString();
}

/** Every secret inside, so that an answer that echoes the request can be scrubbed. */
export function secretsIn(body: WireValue | undefined): readonly Secret[] {
  if (body instanceof Secret) return [body];
  if (typeof body !== 'object' || body === null) return [];
  return Object.values(body as Record<string, WireValue | undefined>).flatMap(secretsIn);
}
