ALTER TABLE "operations" ADD COLUMN "trace_id" text;--> statement-breakpoint
ALTER TABLE "operations" ADD COLUMN "source_address" text;--> statement-breakpoint
ALTER TABLE "operations" ADD COLUMN "upstream_session_id" text;