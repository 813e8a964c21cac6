CREATE TABLE "operation_events" (
	"operation_id" uuid NOT NULL,
	"sequence" integer NOT NULL,
	"time" timestamp (3) with time zone NOT NULL,
	"event" jsonb NOT NULL,
	CONSTRAINT "operation_events_operation_id_sequence_pk" PRIMARY KEY("operation_id","sequence")
);
--> statement-breakpoint
ALTER TABLE "operations" ADD COLUMN "sent_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "operations" ADD COLUMN "followed_session_id" text;--> statement-breakpoint
ALTER TABLE "operations" ADD COLUMN "progress" jsonb;--> statement-breakpoint
ALTER TABLE "operations" ADD COLUMN "reconciliation" jsonb;--> statement-breakpoint
ALTER TABLE "operations" ADD COLUMN "last_sequence" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "operation_events" ADD CONSTRAINT "operation_events_operation_id_operations_id_fk" FOREIGN KEY ("operation_id") REFERENCES "public"."operations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "operations_unreconciled" ON "operations" USING btree ("restore_session_id") WHERE state = 'interrupted' and reconciliation is null;