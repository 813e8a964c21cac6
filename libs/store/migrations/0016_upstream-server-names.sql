ALTER TABLE "upstream_servers" ADD COLUMN "name" text;--> statement-breakpoint
ALTER TABLE "upstream_servers" ADD CONSTRAINT "upstream_servers_name_unique" UNIQUE("name");