//! An accountant connects a bank by page, changes its secret, and ends it.

use axum::http::{StatusCode, header};
use hocphi::access;
use hocphi::inbox;
use hocphi::simulate::{roster, stage};

use crate::engines::Fresh;
use crate::on_both;
use crate::web_desk_work::{at_school, send};
use crate::web_world::world;

on_both!(
    an_accountant_connects_a_bank_and_the_secret_is_never_shown_again,
    a_connection_that_is_refused_says_why_and_keeps_all_but_the_secret,
    a_secret_is_changed_and_a_connection_ended_by_page,
    payos_is_connected_with_orders_by_page,
    another_schools_connection_is_answered_like_an_absent_one
);

const SECRET: &str = "khoa-rat-bi-mat-cua-sepay";

async fn an_accountant_connects_a_bank_and_the_secret_is_never_shown_again(fresh: Fresh) {
    let world = world(fresh).await;
    let (store, vault) = (&world.house.store, &world.house.vault);
    let account = stage::account(store, &roster::SAO_KHUE).await.expect("an account");
    let mut visitor = at_school(&world, roster::SAO_KHUE.code).await;
    let setup = visitor.get("/desk/setup").await;
    assert!(setup.text.contains("SePay") && setup.text.contains("payOS"), "{}", setup.text);
    let form = visitor.get("/desk/setup/connect?provider=sepay").await;
    assert!(form.text.contains("name=\"secret-api_key\" type=\"password\""), "{}", form.text);
    let fields = [("provider", "sepay"), ("account", &*account.id), ("secret-api_key", SECRET)];
    let unsigned = visitor.post("/desk/setup/connect", &fields).await;
    assert_eq!(unsigned.status, StatusCode::FORBIDDEN);
    let made = send(&mut visitor, &form, "/desk/setup/connect", &fields).await;
    let again = send(&mut visitor, &form, "/desk/setup/connect", &fields).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.text);
    assert_eq!(again.header(header::LOCATION), made.header(header::LOCATION), "a second press makes no second one");
    let ids = inbox::connections_of(store, &account.school_id).await.expect("connections");
    assert_eq!(ids.len(), 1);
    let connection = inbox::connection(store, vault, &ids[0]).await.expect("a look").expect("a connection");
    assert_eq!(connection.secrets.values("api_key").len(), 1);
    let page = visitor.get(made.header(header::LOCATION)).await;
    assert!(page.text.contains(&format!("http://hocphi.test/hook/sepay/{}", ids[0])), "{}", page.text);
    assert!(page.text.contains("data-copy-text=\"http://hocphi.test/hook/sepay/"));
    for address in [made.header(header::LOCATION), "/desk/setup"] {
        let page = visitor.get(address).await;
        assert!(!page.text.contains(SECRET), "{address}");
        assert_eq!(page.header(header::CACHE_CONTROL), "no-store");
    }
    let trail = access::trail(store, &ids[0], 10).await.expect("a trail");
    assert_eq!(trail.iter().map(|row| row.action.as_str()).collect::<Vec<_>>(), ["connection.made"]);
    assert!(trail[0].actor.starts_with("per_"));
}

async fn a_connection_that_is_refused_says_why_and_keeps_all_but_the_secret(fresh: Fresh) {
    let world = world(fresh).await;
    let store = &world.house.store;
    let account = stage::account(store, &roster::SAO_KHUE).await.expect("an account");
    let foreign = stage::account(store, &roster::BEN_NGHE_XANH).await.expect("an account");
    let mut visitor = at_school(&world, roster::SAO_KHUE.code).await;
    let good = [("provider", "sepay"), ("account", &*account.id), ("secret-api_key", SECRET), ("memo_prefix", "SEVQR")];
    for (other, sentence) in [
        (("memo_max", "18"), "không thể nhận ra khoản tiền"),
        (("memo_max", "12"), "không thể nhận ra khoản tiền"),
        (("memo_max", "mười"), "số nguyên từ 1 đến 500"),
        (("memo_max", "501"), "số nguyên từ 1 đến 500"),
        (("secret-api_key", ""), "cần đủ khóa bí mật"),
        (("account", ""), "Không tìm thấy"),
        (("account", &*foreign.id), "Không tìm thấy"),
        (("provider", "piggy"), "Không tìm thấy"),
    ] {
        let form = visitor.get("/desk/setup/connect?provider=sepay").await;
        let mut fields: Vec<(&str, &str)> = good.iter().copied().filter(|(name, _)| *name != other.0).collect();
        fields.push(other);
        let refused = send(&mut visitor, &form, "/desk/setup/connect", &fields).await;
        assert!(refused.status.is_client_error() && refused.text.contains(sentence), "{other:?}: {}", refused.text);
        assert!(!refused.text.contains(SECRET), "{other:?}");
        if refused.status == StatusCode::UNPROCESSABLE_ENTITY {
            assert!(refused.text.contains("value=\"SEVQR\"") && refused.text.contains(" checked"), "{}", refused.text);
        }
    }
    let form = visitor.get("/desk/setup/connect?provider=sepay").await;
    let fields = [("provider", "sepay"), ("secret-api_key", SECRET)];
    let refused = send(&mut visitor, &form, "/desk/setup/connect", &fields).await;
    assert!(refused.text.contains("ít nhất một tài khoản"), "{}", refused.text);
    assert!(inbox::connections_of(store, &account.school_id).await.expect("connections").is_empty());
}

async fn a_secret_is_changed_and_a_connection_ended_by_page(fresh: Fresh) {
    let world = world(fresh).await;
    let (store, vault) = (&world.house.store, &world.house.vault);
    let account = stage::account(store, &roster::SAO_KHUE).await.expect("an account");
    let mut visitor = at_school(&world, roster::SAO_KHUE.code).await;
    let form = visitor.get("/desk/setup/connect?provider=sepay").await;
    let fields = [("provider", "sepay"), ("account", &*account.id), ("secret-api_key", SECRET)];
    let made = send(&mut visitor, &form, "/desk/setup/connect", &fields).await;
    let address = made.header(header::LOCATION).split('?').next().expect("an address").to_owned();
    let id = address.rsplit('/').next().expect("an id").to_owned();
    let live = async || {
        let connection = inbox::connection(store, vault, &id).await.expect("a look").expect("a connection");
        connection.secrets.values("api_key").iter().map(|value| value.to_string()).collect::<Vec<_>>()
    };
    let secret = format!("{address}/secret");
    let page = visitor.get(&address).await;
    let fields = [("name", "api_key"), ("value", "gia-tri-moi")];
    for _ in 0..2 {
        let added = send(&mut visitor, &page, &secret, &fields).await;
        assert_eq!(added.header(header::LOCATION), format!("{address}?done=secret"), "{}", added.text);
    }
    assert_eq!(live().await, [SECRET, "gia-tri-moi"], "pressed twice, added once");
    let page = visitor.get(&address).await;
    let third = send(&mut visitor, &page, &secret, &[("name", "api_key"), ("value", "thu-ba")]).await;
    assert_eq!(third.status, StatusCode::CONFLICT);
    assert!(third.text.contains("hãy thu hồi giá trị cũ trước") && !third.text.contains("thu-ba"), "{}", third.text);
    let unknown = send(&mut visitor, &page, &secret, &[("name", "pin"), ("value", "x")]).await;
    assert_eq!(unknown.status, StatusCode::UNPROCESSABLE_ENTITY);
    world.house.clock.advance_ms(1);
    let page = visitor.get(&address).await;
    let retired = send(&mut visitor, &page, &format!("{address}/retire"), &[("name", "api_key")]).await;
    assert_eq!(retired.header(header::LOCATION), format!("{address}?done=retired"), "{}", retired.text);
    assert_eq!(live().await.len(), 1);
    let page = visitor.get(&address).await;
    let last = send(&mut visitor, &page, &format!("{address}/retire"), &[("name", "api_key")]).await;
    assert_eq!(last.status, StatusCode::CONFLICT, "the only value stays");
    assert_eq!(visitor.post(&format!("{address}/end"), &[]).await.status, StatusCode::FORBIDDEN);
    let ended = send(&mut visitor, &page, &format!("{address}/end"), &[]).await;
    assert_eq!(ended.header(header::LOCATION), format!("{address}?done=ended"), "{}", ended.text);
    let page = visitor.get(&address).await;
    assert!(page.text.contains("Đã ngừng") && !page.text.contains("/end\""), "{}", page.text);
    let connection = inbox::connection(store, vault, &id).await.expect("a look").expect("a connection");
    assert!(connection.ended_at.is_some());
    let trail = access::trail(store, &id, 10).await.expect("a trail");
    assert_eq!(trail.len(), 4, "made, secret added, secret retired, ended: {trail:?}");
}

async fn payos_is_connected_with_orders_by_page(fresh: Fresh) {
    let world = world(fresh).await;
    let (store, vault) = (&world.house.store, &world.house.vault);
    let account = stage::account(store, &roster::SAO_KHUE).await.expect("an account");
    let mut visitor = at_school(&world, roster::SAO_KHUE.code).await;
    let sepay = visitor.get("/desk/setup/connect?provider=sepay").await;
    assert!(!sepay.text.contains("name=\"orders\"") && !sepay.text.contains("name=\"unlinked\""), "{}", sepay.text);
    let form = visitor.get("/desk/setup/connect?provider=payos").await;
    for part in ["name=\"orders\"", "name=\"unlinked\"", "name=\"secret-client_id\" type=\"password\"", "Client ID"] {
        assert!(form.text.contains(part), "{part}: {}", form.text);
    }
    let base = [("provider", "payos"), ("account", &*account.id), ("secret-checksum_key", SECRET), ("unlinked", "yes")];
    let keys = [("secret-client_id", "khach-9"), ("secret-api_key", "khoa-api")];
    for (more, sentence) in [
        (vec![], "không thể nhận ra khoản tiền"),
        (vec![("orders", "yes"), keys[0]], "cần thêm: client_id + api_key"),
        (keys.to_vec(), "hãy chọn tạo đơn cho từng phiếu"),
    ] {
        let form = visitor.get("/desk/setup/connect?provider=payos").await;
        let refused = send(&mut visitor, &form, "/desk/setup/connect", &[&base[..], &more].concat()).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
        assert!(refused.text.contains(sentence) && !refused.text.contains(SECRET), "{sentence}: {}", refused.text);
        assert!(refused.text.contains("name=\"unlinked\" value=\"yes\" aria-describedby=\"unlinked-help\" checked"));
    }
    let form = visitor.get("/desk/setup/connect?provider=payos").await;
    let fields = [&base[..], &keys, &[("orders", "yes")]].concat();
    let made = send(&mut visitor, &form, "/desk/setup/connect", &fields).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.text);
    let page = visitor.get(made.header(header::LOCATION)).await;
    assert!(page.text.contains("Đơn đã tạo") && !page.text.contains("khoa-api"), "{}", page.text);
    let ids = inbox::connections_of(store, &account.school_id).await.expect("connections");
    let connection = inbox::connection(store, vault, &ids[0]).await.expect("a look").expect("a connection");
    assert_eq!((connection.memo_max, connection.orders_from.is_some()), (9, true));
    let form = visitor.get("/desk/setup/connect?provider=bvbank").await;
    let fields =
        [("provider", "bvbank"), ("account", &*account.id), ("secret-bank_public_key_pem", "khoa-cua-ngan-hang")];
    let refused = send(&mut visitor, &form, "/desk/setup/connect", &fields).await;
    assert!(refused.text.contains("khóa công khai RSA dạng PEM"), "{}", refused.text);
}

async fn another_schools_connection_is_answered_like_an_absent_one(fresh: Fresh) {
    let world = world(fresh).await;
    let account = stage::account(&world.house.store, &roster::SAO_KHUE).await.expect("an account");
    let mut owner = at_school(&world, roster::SAO_KHUE.code).await;
    let form = owner.get("/desk/setup/connect?provider=sepay").await;
    let fields = [("provider", "sepay"), ("account", &*account.id), ("secret-api_key", SECRET)];
    let made = send(&mut owner, &form, "/desk/setup/connect", &fields).await;
    let address = made.header(header::LOCATION).split('?').next().expect("an address").to_owned();
    let mut other = at_school(&world, roster::BEN_NGHE_XANH.code).await;
    assert_eq!(other.get(&address).await.status, StatusCode::NOT_FOUND);
    let page = other.get("/desk/setup").await;
    for (act, fields) in
        [("secret", vec![("name", "api_key"), ("value", "x")]), ("retire", vec![("name", "api_key")]), ("end", vec![])]
    {
        let sent = send(&mut other, &page, &format!("{address}/{act}"), &fields).await;
        assert_eq!(sent.status, StatusCode::NOT_FOUND, "{act}");
    }
    assert_eq!(owner.get(&address).await.status, StatusCode::OK);
}
