import { Secret } from '@app/secrets';
import { applyDecorators } from '@nestjs/common';
import { Transform } from 'class-transformer';

import { field, Rule, text } from '../../http/fields.js';

/** Only what the gateway issued passes later on, compared letter by letter; how a code looks is Microsoft's choice. */
const userCode = /^[A-Za-z0-9-]{1,64}$/;

const profileName = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/;

export function CredentialProfile(): PropertyDecorator {
  return text(
    { description: "A credential profile of the organization; by default the organization's own.", optional: true },
    profileName,
    'must be the name of a credential profile: 1 to 64 lower-case letters, digits and hyphens',
    { maxLength: 64 },
  );
}

/** A device code; it is a `Secret` from here on. */
export function UserCode(): PropertyDecorator {
  return applyDecorators(
    Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? new Secret(value) : value)),
    field(
      {
        description: 'A device code that the gateway issued to you for this restore session.',
        optional: true,
        example: 'C6A9DB737',
      },
      { type: String, maxLength: 64 },
      [
        Rule(
          'userCode',
          'must be a device code: 1 to 64 letters, digits and hyphens',
          (value) => value instanceof Secret && userCode.test(value.expose()),
        ),
      ],
    ),
  );
}
