CREATE TABLE "audit_sink_positions" (
	"sink" text NOT NULL,
	"writer" uuid NOT NULL,
	"seq" bigint NOT NULL,
	CONSTRAINT "audit_sink_positions_sink_writer_pk" PRIMARY KEY("sink","writer")
);
--> statement-breakpoint
CREATE TABLE "audit_sinks" (
	"name" text PRIMARY KEY NOT NULL,
	"holder" uuid NOT NULL,
	"lease_until" timestamp (3) with time zone NOT NULL
);
