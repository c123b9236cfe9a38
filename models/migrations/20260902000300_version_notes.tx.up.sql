-- Why a version was saved, in the words of who saved it.
ALTER TABLE access_profile_versions ADD note text;
