CREATE TABLE "former_upstream_sessions" (
	"id" text PRIMARY KEY NOT NULL,
	"restore_session_id" uuid,
	"organization_name" text NOT NULL,
	"left_at" timestamp (3) with time zone NOT NULL,
	"due_at" timestamp (3) with time zone NOT NULL,
	"ended_at" timestamp (3) with time zone,
	"attempts" integer DEFAULT 0 NOT NULL
);
--> statement-breakpoint
ALTER TABLE "device_codes" ADD COLUMN "upstream_session_id" text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "former_upstream_sessions" ADD CONSTRAINT "former_upstream_sessions_restore_session_id_restore_sessions_id_fk" FOREIGN KEY ("restore_session_id") REFERENCES "public"."restore_sessions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "former_upstream_sessions_due" ON "former_upstream_sessions" USING btree ("due_at") WHERE ended_at is null;