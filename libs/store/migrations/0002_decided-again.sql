ALTER TABLE "operations" ADD COLUMN "principal" jsonb;--> statement-breakpoint
ALTER TABLE "operations" ADD COLUMN "on_own_onedrive" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "operations" ADD COLUMN "run_after" timestamp (3) with time zone;