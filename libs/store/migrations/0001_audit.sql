CREATE TABLE "audit_records" (
	"writer" uuid NOT NULL,
	"seq" bigint NOT NULL,
	"prev" text NOT NULL,
	"hash" text NOT NULL,
	"text" text NOT NULL,
	"id" uuid NOT NULL,
	"time" timestamp (3) with time zone NOT NULL,
	"action" text NOT NULL,
	"decision" text,
	"actor_issuer" text,
	"actor_subject" text,
	"organization" text,
	"operation_id" uuid,
	CONSTRAINT "audit_records_writer_seq_pk" PRIMARY KEY("writer","seq")
);
--> statement-breakpoint
CREATE INDEX "audit_records_time" ON "audit_records" USING btree ("time");--> statement-breakpoint
CREATE INDEX "audit_records_organization" ON "audit_records" USING btree ("organization","time");--> statement-breakpoint
CREATE INDEX "audit_records_operation" ON "audit_records" USING btree ("operation_id") WHERE operation_id is not null;