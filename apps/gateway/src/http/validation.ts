import { ValidationFailedError, type FieldError } from '@app/problems';
import { ValidationPipe } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { validateSync, type ValidatorOptions } from 'class-validator';

import { fieldPath } from './field-path.js';

const mostErrors = 20;

const rules = {
  whitelist: true,
  forbidNonWhitelisted: true,
  forbidUnknownValues: true,
  stopAtFirstError: false,
  validationError: { target: false, value: false },
} as const satisfies ValidatorOptions;

/** What Nest and class-validator agree on in their errors. */
interface PropertyFaults {
  readonly property: string;
  readonly constraints?: Record<string, string>;
  readonly children?: readonly PropertyFaults[];
}

/** The one pipe of the application: bodies, path and query parameters become valid DTOs or a `ValidationFailedError`. */
export function createValidationPipe(): ValidationPipe {
  return new ValidationPipe({
    ...rules,
    transform: true,
    exceptionFactory: (errors) => new ValidationFailedError(toFieldErrors(errors)),
  });
}

/**
 * The same validation for a body that was first translated into a DTO's own names.
 *
 * @param rename turns a path of the DTO into the one the caller used
 * @throws ValidationFailedError
 */
export function validateAs<T extends object>(
  dto: new () => T,
  plain: object,
  rename: (field: string) => string = (field) => field,
): T {
  const instance = plainToInstance(dto, plain);
  const errors = toFieldErrors(validateSync(instance, rules));
  if (errors.length > 0) {
    throw new ValidationFailedError(errors.map(({ field, message }) => ({ field: rename(field), message })));
  }
  return instance;
}

/** One entry a fault, with its full path; at most twenty, since a caller decides how many there are. */
function toFieldErrors(errors: readonly PropertyFaults[]): FieldError[] {
  const all = [...flatten(errors, [])];
  const rest = all.length - mostErrors;
  return rest > 0 ? [...all.slice(0, mostErrors), { field: '', message: `and ${rest} more faults` }] : all;
}

function* flatten(errors: readonly PropertyFaults[], parents: readonly string[]): Generator<FieldError> {
  for (const { property, constraints = {}, children = [] } of errors) {
    const path = [...parents, property];
    const messages = 'whitelistValidation' in constraints ? ['is not known here'] : Object.values(constraints);
    for (const message of new Set(messages)) {
      yield { field: fieldPath(path), message };
    }
    yield* flatten(children, path);
  }
}
