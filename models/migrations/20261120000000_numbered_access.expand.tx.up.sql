-- These consoles number changes of access, and have their transaction noted by the default. Only what earlier ones leave out is added by a
-- function, which takes longer than all else that is done for a row.
ALTER TABLE access_changes ALTER xact SET DEFAULT pg_current_xact_id();
CREATE OR REPLACE TRIGGER release_before BEFORE INSERT ON access_changes
    FOR EACH ROW WHEN (NEW.seq = 0) EXECUTE FUNCTION note_access_for_release_before();
CREATE TRIGGER release_before_changes BEFORE UPDATE ON access_changes
    FOR EACH ROW WHEN (NEW.seq = OLD.seq OR NEW.xact = OLD.xact) EXECUTE FUNCTION note_access_for_release_before();
