import { Public } from '@app/identity';
import { Controller, Get, Post, type Type } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { Test } from '@nestjs/testing';

import { Requires } from './requires.decorator.js';
import { RouteDeclarations } from './route-declarations.js';

@Controller('declared')
class DeclaredController {
  @Get()
  @Requires('browse')
  read() {
    return this.helper();
  }

  @Get('open')
  @Public()
  open() {
    return this.helper();
  }

  /** Serves no route. */
  helper() {
    return {};
  }
}

@Controller('as-a-whole')
@Requires('readOperations')
class DeclaredAsAWholeController {
  @Get()
  read() {
    return {};
  }
}

@Controller('forgotten')
class ForgottenController {
  @Get()
  @Requires('browse')
  read() {
    return {};
  }

  @Post()
  write() {
    return {};
  }

  @Get('list')
  list() {
    return {};
  }
}

class InheritingController extends ForgottenController {}
Controller('inherited')(InheritingController);

async function start(...controllers: Type[]): Promise<void> {
  const module = await Test.createTestingModule({
    imports: [DiscoveryModule],
    controllers,
    providers: [RouteDeclarations],
  }).compile();
  await module.init();
  await module.close();
}

describe('the start', () => {
  it('goes on when each route is declared or public, by itself or with its controller', async () => {
    await expect(start(DeclaredController, DeclaredAsAWholeController)).resolves.toBeUndefined();
  });

  it('stops at routes that declare nothing, and names each', async () => {
    await expect(start(DeclaredController, ForgottenController)).rejects.toThrow(
      'Routes without @Requires(...) or @Public(): ForgottenController.write, ForgottenController.list',
    );
  });

  it('stops at a route that a controller inherits', async () => {
    await expect(start(InheritingController)).rejects.toThrow('InheritingController.write');
  });
});
