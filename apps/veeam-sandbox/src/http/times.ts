/** .NET's round-trip form, with seven decimals. */
export function longTime(at: Date, zone = '+00:00'): string {
  return at.toISOString().replace('Z', `0000${zone}`);
}

export function durationOf({ startedAt, endedAt }: { startedAt: Date; endedAt: Date | undefined }): string {
  const milliseconds = (endedAt ?? new Date()).getTime() - startedAt.getTime();
  return new Date(Math.max(0, milliseconds)).toISOString().slice(11, 19);
}
