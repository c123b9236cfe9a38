-- What the role of the user permitted when the link of a session was made. With more, no first password is set in it.
ALTER TABLE sessions ADD permitted text[];
