ALTER TABLE "operations" ADD COLUMN "backup_server" text DEFAULT 'default' NOT NULL;--> statement-breakpoint
ALTER TABLE "restore_sessions" ADD COLUMN "backup_server" text DEFAULT 'default' NOT NULL;--> statement-breakpoint
ALTER TABLE "former_upstream_sessions" ADD COLUMN "backup_server" text DEFAULT 'default' NOT NULL;--> statement-breakpoint
ALTER TABLE "former_upstream_sessions" DROP CONSTRAINT "former_upstream_sessions_pkey";--> statement-breakpoint
ALTER TABLE "former_upstream_sessions" ADD CONSTRAINT "former_upstream_sessions_backup_server_id_pk" PRIMARY KEY("backup_server","id");
