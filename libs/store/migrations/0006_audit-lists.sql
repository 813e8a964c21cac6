DROP INDEX "audit_records_time";--> statement-breakpoint
DROP INDEX "audit_records_organization";--> statement-breakpoint
CREATE INDEX "audit_records_actor" ON "audit_records" USING btree ("actor_subject","time");--> statement-breakpoint
CREATE INDEX "audit_records_on_behalf_of" ON "audit_records" USING btree ("on_behalf_of_subject","time") WHERE on_behalf_of_subject is not null;--> statement-breakpoint
CREATE INDEX "audit_records_time" ON "audit_records" USING btree ("time","writer","seq");--> statement-breakpoint
CREATE INDEX "audit_records_organization" ON "audit_records" USING btree ("organization","time","writer","seq");