ALTER TABLE "audit_records" ADD COLUMN "on_behalf_of_issuer" text;--> statement-breakpoint
ALTER TABLE "audit_records" ADD COLUMN "on_behalf_of_subject" text;--> statement-breakpoint
ALTER TABLE "operations" ADD COLUMN "on_behalf_of" text;--> statement-breakpoint
ALTER TABLE "restore_sessions" ADD COLUMN "on_behalf_of" text;