import { IS_PUBLIC } from '@app/identity';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { PATH_METADATA } from '@nestjs/common/constants.js';
import { DiscoveryService, MetadataScanner, Reflector } from '@nestjs/core';

import { POLICY_ACTION } from './requires.decorator.js';

/** Stops the start when a route declares neither `@Requires(...)` nor `@Public()`. */
@Injectable()
export class RouteDeclarations implements OnModuleInit {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly reflector: Reflector,
  ) {}

  onModuleInit(): void {
    const undeclared = this.discovery.getControllers().flatMap(({ metatype, name }) => {
      if (typeof metatype !== 'function') {
        return [];
      }
      const prototype = metatype.prototype as Record<string, (...args: never[]) => unknown>;
      return this.scanner
        .getAllMethodNames(prototype)
        .map((method) => ({ method, handler: prototype[method] }))
        .filter(({ handler }) => handler !== undefined && Reflect.hasMetadata(PATH_METADATA, handler))
        .filter(({ handler }) => {
          const targets = handler === undefined ? [metatype] : [handler, metatype];
          return (
            this.reflector.getAllAndOverride(POLICY_ACTION, targets) === undefined &&
            this.reflector.getAllAndOverride(IS_PUBLIC, targets) === undefined
          );
        })
        .map(({ method }) => `${name}.${method}`);
    });
    if (undeclared.length > 0) {
      throw new Error(`Routes without @Requires(...) or @Public(): ${undeclared.join(', ')}`);
    }
  }
}
