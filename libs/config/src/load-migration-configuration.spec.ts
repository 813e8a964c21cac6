import { loadMigrationConfiguration } from './load-migration-configuration.js';

const environment = {
  DATABASE_OWNER_URL: 'postgresql://owner:owner-secret@db/gateway',
  DATABASE_URL: 'postgresql://gateway:service-secret@db/gateway',
};

describe('loadMigrationConfiguration', () => {
  it('asks for nothing but the database', async () => {
    const { ownerUrl, serviceUrl, caFile } = await loadMigrationConfiguration(environment);
    expect(ownerUrl.expose()).toBe(environment.DATABASE_OWNER_URL);
    expect(serviceUrl.expose()).toBe(environment.DATABASE_URL);
    expect(caFile).toBeUndefined();
  });

  it('tells every fault at once and no value', async () => {
    await expect(
      loadMigrationConfiguration({ DATABASE_OWNER_URL: 'owner-secret', DATABASE_CA_FILE: '/nowhere' }),
    ).rejects.toMatchObject({
      faults: [
        { key: 'DATABASE_OWNER_URL', rule: 'must be a postgresql:// URL' },
        { key: 'DATABASE_URL', rule: 'exactly one of DATABASE_URL and DATABASE_URL_FILE must be given' },
        { key: 'DATABASE_CA_FILE', rule: 'cannot be read (ENOENT)' },
      ],
    });
  });
});
