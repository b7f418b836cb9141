//! The outbox's statements.

use crate::store::statements;

statements! {
    /// The living endpoints of schools. No row for a school: nobody asked to be told.
    ENDPOINTS_OF = list "select id, school_id from webhook_endpoint where ended_at is null and school_id in", "order by id";

    /// New promises.
    INSERT_PROMISES = rows "insert into promise (id, school_id, kind, record_id, body, made_at)", "";

    /// A promise to an endpoint that is not kept yet.
    INSERT_WORK = rows "insert into promise_work (promise_id, endpoint_id, next_at, tries)", "";

    /// Promises whose time has come, the oldest of each endpoint, with where they go.
    DUE = "
        select w.promise_id, w.endpoint_id, w.tries, p.body, e.url, e.sealed, e.ended_at
        from promise_work w
        join promise p on p.id = w.promise_id
        join webhook_endpoint e on e.id = w.endpoint_id
        where (w.next_at <= $1 or w.next_at > $2) and not exists (
            select 1 from promise_work o where o.endpoint_id = w.endpoint_id
              and (o.next_at < w.next_at or (o.next_at = w.next_at and o.promise_id < w.promise_id)))
        order by w.next_at, w.promise_id limit $3";

    /// An endpoint is left in peace until then. Zero rows: nothing waits for it.
    REST = "update promise_work set next_at = $2 where endpoint_id = $1 and next_at < $2";

    /// How many endpoints of a school live.
    LIVING = "select count(*) from webhook_endpoint where school_id = $1 and ended_at is null";

    /// Takes a promise for one try. Zero rows: another process took it.
    CLAIM = "
        update promise_work set tries = tries + 1, next_at = $4
        where promise_id = $1 and endpoint_id = $2 and tries = $3";

    /// What came of a try.
    INSERT_ATTEMPT = "
        insert into promise_attempt (promise_id, endpoint_id, try_number, at, status) values ($1, $2, $3, $4, $5)
        on conflict (promise_id, endpoint_id, try_number) do nothing";

    /// When the next try is. Zero rows: kept meanwhile.
    POSTPONE = "update promise_work set next_at = $3 where promise_id = $1 and endpoint_id = $2";

    /// A promise is kept, or given up. Zero rows: it was already.
    FINISH = "delete from promise_work where promise_id = $1 and endpoint_id = $2";

    /// A new endpoint.
    INSERT_ENDPOINT = "
        insert into webhook_endpoint (id, school_id, url, sealed, made_at, ended_at) values ($1, $2, $3, $4, $5, null)";

    /// An endpoint is told no more. Zero rows: no such endpoint of this school, or ended already.
    END_ENDPOINT = "update webhook_endpoint set ended_at = $3 where id = $1 and school_id = $2 and ended_at is null";

    /// A school's endpoints, ended ones too.
    ENDPOINTS = "select id, url, made_at, ended_at from webhook_endpoint where school_id = $1 order by id";

    /// The tries of an endpoint, the newest first.
    ATTEMPTS = "
        select a.promise_id, p.kind, p.record_id, a.try_number, a.at, a.status
        from promise_attempt a join promise p on p.id = a.promise_id
        where a.endpoint_id = $1 order by a.at desc, a.promise_id desc, a.try_number desc limit $2";
}
