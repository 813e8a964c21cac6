/** An answer that was made by a route, as it goes out, and what it answers. */
export interface SentAnswer {
  readonly method: string;
  /** As it came, with its query. */
  readonly path: string;
  /** The body of the request, as it came; undefined or empty when there was none. */
  readonly sent: string | undefined;
  readonly status: number;
  readonly contentType: string | undefined;
  /** Undefined where the body is no JSON. */
  readonly json: unknown;
  readonly hasBody: boolean;
}

export class SentAnswers {
  /** Told of each answer before it goes out, but of none that a fault makes. */
  onSent: (answer: SentAnswer) => void = () => undefined;
}
