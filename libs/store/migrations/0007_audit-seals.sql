CREATE TABLE "audit_seals" (
	"writer" uuid NOT NULL,
	"seq" bigint NOT NULL,
	"hash" text NOT NULL,
	"rows" bigint NOT NULL,
	"month" text NOT NULL,
	"digest" text NOT NULL,
	"sealed_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "audit_seals_writer_seq_pk" PRIMARY KEY("writer","seq")
);
