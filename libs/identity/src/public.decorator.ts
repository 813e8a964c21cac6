import { applyDecorators, SetMetadata } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';

/** Metadata key: true on handlers marked {@link Public}. */
export const IS_PUBLIC = 'identity:is-public';

/** The handler needs no access token. Everything that is not marked so does; a whole controller cannot be. */
export const Public = (): MethodDecorator =>
  applyDecorators(SetMetadata(IS_PUBLIC, true), RouteConfig({ public: true }));
