/** What is delivered: a record of the trail, or the head that a chain had behind the records before. */
export interface SinkLine {
  readonly kind: 'record' | 'head';
  /** As a line of an export is, without its line feed. */
  readonly text: string;
  /** The process that wrote the record. */
  readonly writer: string;
  readonly time: Date;
  readonly isDenial: boolean;
}

/** A place outside the database that the trail is pushed to, such as a SIEM. */
export interface AuditSink {
  /** By which its position is kept: another name begins anew. */
  readonly name: string;
  /**
   * Resolves once all lines are safely there. After a failure the same lines come again: none may be lost, some may be there twice.
   * @param signal gives the delivery up
   */
  deliver(lines: readonly SinkLine[], signal: AbortSignal): Promise<void>;
}
