//! The statements of `access`.

use crate::store::statements;

statements! {
    /// A new person. Zero rows: the login is taken.
    ADD_PERSON = "insert into person (id, login, name, password_hash, language, made_at) values ($1, $2, $3, $4, $5, $6)
                  on conflict (login) do nothing";

    /// A person who has not left, by login. No row: nobody signs in so.
    PERSON_BY_LOGIN = "select id, login, name, language, password_hash from person where login = $1 and ended_at is null";

    /// A person who has not left. No row: they left, and every session of theirs ends.
    PERSON = "select id, login, name, language from person where id = $1 and ended_at is null";

    /// Anybody who was ever let in. No row: the first day.
    ANYBODY = "select id from person limit 1";

    /// Another password. Zero rows: they have left.
    SET_PASSWORD = "update person set password_hash = $2 where id = $1 and ended_at is null";

    /// A person leaves. Zero rows: they had left before.
    END_PERSON = "update person set ended_at = $2 where id = $1 and ended_at is null";

    /// A role from now on.
    GRANT = "insert into role_grant (id, person_id, role, school_id, authority_id, granted_at, granted_by)
             values ($1, $2, $3, $4, $5, $6, $7)";

    /// The roles a person has. No row: they may sign in and see nothing.
    GRANTS = "select id, role, school_id, authority_id from role_grant
              where person_id = $1 and ended_at is null order by granted_at, id";

    /// Is a school below one of the authorities a person supervises, on a day? No row: it is not.
    SUPERVISES = "
        with recursive under (id) as (
            select authority_id from role_grant
            where person_id = $1 and role = 'supervisor' and ended_at is null and authority_id is not null
            union
            select p.authority_id from authority_parent p join under on p.parent_id = under.id
            where p.from_day <= $3 and (p.to_day is null or p.to_day >= $3)
        )
        select s.school_id from school_supervision s join under on s.authority_id = under.id
        where s.school_id = $2 and s.from_day <= $3 and (s.to_day is null or s.to_day >= $3)";

    /// A program's key.
    ADD_KEY = "insert into api_key (id, name, hash, scopes, school_id, authority_id, city, made_at, made_by)
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

    /// A key that was not taken back. No row: never given, or taken back.
    KEY_BY_HASH = "select id, name, scopes, school_id, authority_id, city from api_key
                   where hash = $1 and revoked_at is null";

    /// Every key that was not taken back.
    KEYS = "select id, name, scopes, school_id, authority_id, city from api_key where revoked_at is null order by id";

    /// Takes a key back. Zero rows: it was taken back before.
    REVOKE_KEY = "update api_key set revoked_at = $2 where id = $1 and revoked_at is null";

    /// A new session. Zero rows: its id is in use, and another must be drawn.
    ADD_SESSION = "insert into session (id, record, expires_at) values ($1, $2, $3) on conflict (id) do nothing";

    /// A session's present state.
    SAVE_SESSION = "insert into session (id, record, expires_at) values ($1, $2, $3)
                    on conflict (id) do update set record = excluded.record, expires_at = excluded.expires_at";

    /// A session that has not been idle too long. No row: sign in again.
    SESSION = "select record from session where id = $1 and expires_at > $2";

    /// A session ends. Zero rows: it had ended.
    END_SESSION = "delete from session where id = $1";

    /// Sessions that were idle too long.
    SWEEP_SESSIONS = "delete from session where expires_at <= $1";

    /// What somebody did.
    TRAIL = "insert into audit_trail (id, at, actor, action, about, school_id, detail) values ($1, $2, $3, $4, $5, $6, $7)";

    /// What was done about a thing, the newest first.
    TRAIL_OF = "select at, actor, action, about, detail from audit_trail where about = $1 order by at desc, id desc limit $2";

    /// The first press of a form. Zero rows: it was pressed before.
    CLAIM_FORM = "insert into form_use (key_hash, answer, used_at) values ($1, '', $2) on conflict (key_hash) do nothing";

    /// Where the answer of a form lies; empty while the first press is at work. No row: nothing was pressed.
    FORM_ANSWER = "select answer from form_use where key_hash = $1";

    /// The first press is done.
    FINISH_FORM = "update form_use set answer = $2 where key_hash = $1";

    /// The first press changed nothing, so the form may be sent again.
    FORGET_FORM = "delete from form_use where key_hash = $1 and answer = ''";

    /// Form keys that were used so long ago that nobody sends them again.
    SWEEP_FORMS = "delete from form_use where used_at <= $1";

    /// What a program's request was answered. No row: it was never sent.
    REQUEST = "select fingerprint, status, resource_id from api_request
               where client_id = $1 and operation = $2 and request_key = $3";

    /// Remembers a request with its answer. Zero rows: its twin was first.
    REMEMBER_REQUEST = "insert into api_request (client_id, operation, request_key, fingerprint, status, resource_id, made_at)
                        values ($1, $2, $3, $4, $5, $6, $7)
                        on conflict (client_id, operation, request_key) do nothing";

    /// Wrong guesses so far. No row: none, or the last one was right.
    GUESSES = "select wrong, next_at from guess where about = $1";

    /// One more wrong guess.
    COUNT_GUESS = "
        insert into guess (about, wrong, next_at) values ($1, $2, $3)
        on conflict (about) do update set wrong = excluded.wrong, next_at = excluded.next_at";

    /// A right guess. Zero rows: it was the first.
    FORGET_GUESSES = "delete from guess where about = $1";
}
