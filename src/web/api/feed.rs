//! The feed for the city: everything that happened to the money, in one order, without anybody's name.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::caller::Caller;
use super::problem::{Problems, unreadable_query};
use super::receipts::day;
use crate::access::Place;
use crate::fault::{Fault, Kind, OrFault, Refusal, Result};
use crate::feed::{self, Leaf, Scope};
use crate::roll;
use crate::web::House;
use crate::web::failure::Failure;

/// Lines of one answer.
const LIMIT_MOST: i64 = 1_000;
/// How far a reader has come, though he may have got nothing.
const THROUGH: HeaderName = HeaderName::from_static("feed-through");

/// One line of the feed.
#[derive(Debug, Serialize, ToSchema)]
pub struct FeedLineBody {
    /// Its place in the one order: 1, 2, 3, …; the cursor of whoever reads on. A key for some schools sees the
    /// places of these schools only.
    pub index: i64,
    /// The credit or invoice it is about.
    pub record_id: String,
    /// `NEW`, `UPDATE` or `CANCEL`.
    pub event: String,
    /// Rises with each event of the record; a reader ignores lower ones.
    pub version: i64,
    /// The day it belongs to.
    pub day: String,
    /// When it was posted, RFC 3339.
    pub time: String,
    /// What moved, by account and fee item.
    pub body: FeedEntryBody,
}

/// What one ledger entry moved.
#[derive(Debug, Serialize, ToSchema)]
pub struct FeedEntryBody {
    /// The school's code.
    pub school: String,
    /// The day it belongs to.
    pub day: String,
    /// The credit or invoice it is about.
    pub record: String,
    /// `issued`, `received`, `proved`, `applied`, `released`, `taken_back`, `settled`, `voided`,
    /// `reinstated` or `undone`.
    pub kind: String,
    /// Amounts by account and fee item, debits positive.
    pub postings: Vec<FeedPostingBody>,
}

/// One amount of an entry.
#[derive(Debug, Serialize, ToSchema)]
pub struct FeedPostingBody {
    /// The neutral account, `receivable.parent`.
    pub account: String,
    /// The fee item's code, where there is one.
    pub item: Option<String>,
    /// In đồng; debits positive.
    pub amount: i64,
}

/// From where.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FeedAsked {
    /// The `Feed-Through` of the answer before, or the last index that was read; 0 or absent: from the first.
    #[serde(default)]
    #[param(minimum = 0)]
    pub after: i64,
    /// Lines, 1 to 1,000.
    #[param(minimum = 1, maximum = 1000, default = 500)]
    pub limit: Option<i64>,
}

/// One school's revenue for one item on a day.
#[derive(Debug, Serialize, ToSchema)]
pub struct RevenueBody {
    /// The school's code; absent where schools were pooled.
    pub school: Option<String>,
    /// The fee item's code; absent where items were pooled.
    pub item: Option<String>,
    /// Receivables raised, in đồng.
    pub issued: i64,
    /// Money that came for them, in đồng.
    pub collected: i64,
    /// At least so many families paid; `null` where groups are pooled and nobody did, or so few that saying it could
    /// show one family's affairs.
    pub payers: Option<i64>,
}

/// Which day.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RevenueAsked {
    /// `2026-11-22`
    pub day: String,
}

/// The feed after an index, one JSON object a line, in order and without a hole. Ask again after what `Feed-Through`
/// says, until it says what was asked after.
#[utoipa::path(get, path = "/entries", tag = "feed", security(("api_key" = ["feed:read"])), params(FeedAsked),
    responses((status = 200, body = FeedLineBody, content_type = "application/x-ndjson",
        headers(("Feed-Through" = i64, description = "The index up to which the feed was looked through: read on after \
            it. Where it is the one asked after, there is nothing more yet.")),
        description = "one object a line; none where a key for some schools finds only others' events, although there \
            may be more after `Feed-Through`"), Problems))]
pub async fn list_entries(
    State(house): State<Arc<House>>,
    caller: Caller,
    asked: Result<Query<FeedAsked>, QueryRejection>,
) -> Result<Response, Failure> {
    caller.needs("feed:read")?;
    let FeedAsked { after, limit } = asked.map_err(unreadable_query)?.0;
    let limit = limit.unwrap_or(500);
    if !(1..=LIMIT_MOST).contains(&limit) || after < 0 {
        return Err(Refusal::new(
            Kind::Shape,
            "limit-out-of-range",
            "limit phải từ 1 đến 1.000, after không âm.",
            "limit must be between 1 and 1,000, after not negative.",
        )
        .into());
    }
    let part = feed::entries(&house.store, &scope(&house, &caller).await?, after, limit).await?;
    let mut lines = String::new();
    for leaf in &part.leaves {
        put_line(&mut lines, leaf)?;
    }
    let through = [(THROUGH, HeaderValue::from(part.through))];
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], through, lines).into_response())
}

/// A day's revenue by school and item, equal to what the feed has told of that day. Groups in which fewer than ten
/// families paid, or were asked for something, are pooled, but not for the city's own key.
#[utoipa::path(get, path = "/revenue", tag = "feed", security(("api_key" = ["feed:read"])), params(RevenueAsked),
    responses((status = 200, body = Vec<RevenueBody>), Problems))]
pub async fn list_revenue(
    State(house): State<Arc<House>>,
    caller: Caller,
    asked: Result<Query<RevenueAsked>, QueryRejection>,
) -> Result<Json<Vec<RevenueBody>>, Failure> {
    caller.needs("feed:read")?;
    let day = day("day", &asked.map_err(unreadable_query)?.0.day)?;
    let rows = feed::revenue(&house.store, day, &scope(&house, &caller).await?, !caller.key.city).await?;
    let body = |row: feed::Revenue| RevenueBody {
        school: row.school,
        item: row.item,
        issued: row.issued.get(),
        collected: row.collected.get(),
        payers: row.payers,
    };
    Ok(Json(rows.into_iter().map(body).collect()))
}

/// A key over an authority that has every school below it reads the whole order; any other its schools'.
async fn scope(house: &House, caller: &Caller) -> Result<Scope> {
    let is_whole = matches!(caller.key.place, Place::Authority(_))
        && i64::try_from(caller.schools.len()).or_fault("count schools")? == roll::count_schools(&house.store).await?;
    Ok(if is_whole { Scope::All } else { Scope::Schools(caller.school_ids()) })
}

/// A line of the feed but for its body, its keys in the order of the alphabet.
#[derive(Serialize)]
struct Envelope<'a> {
    day: String,
    event: &'a str,
    index: i64,
    record_id: &'a str,
    time: String,
    version: i64,
}

/// The leaf's own text stands in the line as it is, so that its hash may be taken from what was read. It is not read
/// again: a page has a thousand of them.
fn put_line(lines: &mut String, leaf: &Leaf) -> Result<()> {
    let envelope = Envelope {
        day: leaf.day.to_string(),
        event: &leaf.event,
        index: leaf.place,
        record_id: &leaf.record_id,
        time: leaf.at.rfc3339(),
        version: leaf.version,
    };
    let envelope = serde_json::to_string(&envelope).or_fault("write a line of the feed")?;
    let rest =
        envelope.strip_prefix('{').ok_or_else(|| Fault::new("write a line of the feed: no place for its body"))?;
    lines.extend(["{\"body\":", &leaf.body, ",", rest, "\n"]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Day, Moment};

    #[test]
    fn a_line_is_canonical_and_holds_the_body_as_it_is_stored() {
        let body =
            "{\"day\":\"2026-11-22\",\"kind\":\"issued\",\"postings\":[],\"record\":\"inv_1\",\"school\":\"TH\"}";
        let leaf = Leaf {
            place: 7,
            school_id: "sch_1".to_owned(),
            record_id: "inv_\"1".to_owned(),
            event: "NEW".to_owned(),
            version: 1,
            day: Day::parse("2026-11-22").expect("a day"),
            at: Moment::parse("2026-11-22T08:14:02+07:00").expect("an instant"),
            body: body.to_owned(),
        };
        let mut line = String::new();
        put_line(&mut line, &leaf).expect("a line");
        assert!(line.starts_with(&format!("{{\"body\":{body},")) && line.ends_with("}\n"), "{line}");
        let read: serde_json::Value = serde_json::from_str(&line).expect("an object");
        assert_eq!(format!("{read}\n"), line, "keys in the order of the alphabet and no blanks");
        assert_eq!((&read["index"], &read["record_id"]), (&7.into(), &"inv_\"1".into()));
        assert_eq!(read["time"], "2026-11-22T08:14:02+07:00");
    }
}
