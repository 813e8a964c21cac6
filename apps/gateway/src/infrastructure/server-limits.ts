import type { BackupServerLimits, Configuration } from '@app/config';

/** One kind of limit, by the names of the servers that have one of their own. */
export function limitsOfServers(
  { backupServers }: Pick<Configuration, 'backupServers'>,
  kind: keyof BackupServerLimits,
): ReadonlyMap<string, number> {
  return new Map(
    backupServers.flatMap(({ name, limits: { [kind]: limit } }) => (limit === undefined ? [] : [[name, limit]])),
  );
}
