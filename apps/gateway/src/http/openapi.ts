import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';

/** Where the documentation lies; open to all while it is enabled. */
export const DOCS_ROUTES = ['/docs', '/openapi.json'];

export function createOpenApiDocument(app: NestFastifyApplication): OpenAPIObject {
  const description = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Restore Gateway')
    .setDescription('Restores, copies, mails and downloads of OneDrives backed up by Veeam Backup for Microsoft 365.')
    .setVersion('1')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT' }, 'accessToken')
    .addSecurityRequirements('accessToken')
    .build();
  return SwaggerModule.createDocument(app, description);
}

export function serveDocs(app: NestFastifyApplication, isEnabled: boolean): void {
  if (!isEnabled) {
    return;
  }
  SwaggerModule.setup('docs', app, () => createOpenApiDocument(app), {
    jsonDocumentUrl: 'openapi.json',
    raw: ['json'],
  });
}
