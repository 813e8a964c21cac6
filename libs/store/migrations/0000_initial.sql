CREATE TABLE "device_codes" (
	"hash" text PRIMARY KEY NOT NULL,
	"restore_session_id" uuid NOT NULL,
	"owner_issuer" text NOT NULL,
	"owner_subject" text NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"used_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "operations" (
	"id" uuid PRIMARY KEY NOT NULL,
	"action" text NOT NULL,
	"state" text NOT NULL,
	"owner_issuer" text NOT NULL,
	"owner_subject" text NOT NULL,
	"owner_client_id" text,
	"organization_id" text NOT NULL,
	"organization_name" text NOT NULL,
	"restore_session_id" uuid NOT NULL,
	"item" jsonb NOT NULL,
	"request" jsonb NOT NULL,
	"reason" text,
	"credential" text,
	"request_id" text NOT NULL,
	"requested_at" timestamp (3) with time zone NOT NULL,
	"started_at" timestamp (3) with time zone,
	"ended_at" timestamp (3) with time zone,
	"outcome" jsonb,
	"problem" jsonb,
	"bytes" bigint,
	"sha256" text,
	"bound_to" uuid,
	"lease_until" timestamp (3) with time zone,
	"epoch" integer DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "restore_sessions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"owner_issuer" text NOT NULL,
	"owner_subject" text NOT NULL,
	"organization_id" text NOT NULL,
	"organization_name" text NOT NULL,
	"upstream_session_id" text NOT NULL,
	"point_in_time" timestamp (3) with time zone NOT NULL,
	"show_deleted" boolean NOT NULL,
	"show_all_versions" boolean NOT NULL,
	"reason" text,
	"created_at" timestamp (3) with time zone NOT NULL,
	"last_used_at" timestamp (3) with time zone NOT NULL,
	"stopped_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "upstream_servers" (
	"url" text PRIMARY KEY NOT NULL,
	"api_version" text NOT NULL,
	"detected_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "device_codes" ADD CONSTRAINT "device_codes_restore_session_id_restore_sessions_id_fk" FOREIGN KEY ("restore_session_id") REFERENCES "public"."restore_sessions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "operations" ADD CONSTRAINT "operations_restore_session_id_restore_sessions_id_fk" FOREIGN KEY ("restore_session_id") REFERENCES "public"."restore_sessions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "operations_owner" ON "operations" USING btree ("owner_issuer","owner_subject","requested_at");--> statement-breakpoint
CREATE INDEX "operations_queue" ON "operations" USING btree ("requested_at") WHERE state = 'accepted';--> statement-breakpoint
CREATE UNIQUE INDEX "operations_one_at_a_time" ON "operations" USING btree ("restore_session_id") WHERE state in ('submitting', 'following');--> statement-breakpoint
CREATE INDEX "restore_sessions_owner" ON "restore_sessions" USING btree ("owner_issuer","owner_subject","created_at");--> statement-breakpoint
CREATE INDEX "restore_sessions_open" ON "restore_sessions" USING btree ("last_used_at") WHERE stopped_at is null;