use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::super::model::{Event, Load, Requests, Second};
use super::*;
use crate::threshold::{Outcome, parse};

fn threshold(text: &str, actual: Option<f64>, ok: bool) -> Outcome {
    Outcome {
        threshold: parse(text, &[]).expect(text),
        actual,
        ok,
        crossing: None,
        open: false,
    }
}

fn requests(name: &'static str, count: u64, failed: u64, p95: f64) -> Requests {
    Requests {
        name: name.to_owned(),
        count,
        rate: count as f64 / 72.0,
        failed,
        latency: [p95 / 3.0, p95, p95 * 2.5],
    }
}

/// A ramp that is 72 seconds old and meets some trouble.
fn model() -> Model {
    let mut model = Model::new(Load {
        title: "flow_300vus".to_owned(),
        executor: "ramping-vus".to_owned(),
        end: Duration::from_secs(170),
        planned: None,
        stages: Vec::new(),
    });
    model.step = "running".to_owned();
    model.elapsed = Some(Duration::from_secs(72));
    model.stage = "hold".to_owned();
    model.seconds = (1..=72_u32)
        .map(|second| Second {
            vus: u64::from(second.min(30) * 10),
            target: second.min(30) * 10,
            rate: f64::from(second.min(30)) * 69.0 + f64::from(second % 7) * 10.0,
            failed: u64::from(second / 70),
            latency: (second > 1).then(|| {
                let wave = f64::from(second % 9);
                [1.1 + wave / 20.0, 3.0 + wave / 3.0, 6.0 + wave]
            }),
        })
        .collect();
    model.requests = vec![
        requests("0_get_userId", 21_312, 0, 2.11),
        requests("1_charge_balance", 21_308, 0, 3.5),
        requests("2_claim_coupon", 21_299, 0, 1.42),
        requests("3_get_coupons", 21_288, 2, 1.9),
        requests("4_get_top_products", 21_287, 0, 0.93),
        requests("5_create_order", 21_280, 1, 123.4),
        requests("6_get_balance", 21_276, 0, 1.02),
        requests("all", 149_050, 3, 3.21),
    ];
    model.checks = vec![
        ("impulse_buyer".to_owned(), "order 201", 21_279, 1),
        ("impulse_buyer".to_owned(), "charge 201", 21_308, 0),
        ("impulse_buyer".to_owned(), "balance is right", 21_275, 0),
    ];
    model.thresholds = vec![
        threshold("http_req_duration: p(95)<200", Some(3.21), true),
        threshold(
            "http_req_duration{name:5_create_order,stage:hold}: p(99)<100",
            Some(308.0),
            false,
        ),
        threshold("http_req_failed{stage:ramp_down}: rate==0", None, false),
        threshold("checks: rate==1", Some(0.999_95), false),
        Outcome {
            open: true,
            ..threshold("http_reqs: count>=500000", Some(149_050.0), false)
        },
    ];
    let event = |at, bad, text: &str| Event {
        at: Duration::from_secs(at),
        bad,
        text: text.to_owned(),
    };
    model.events = [
        event(0, false, "starting a private PostgreSQL, Redis and server"),
        event(0, false, "setting the shop up"),
        event(1, false, "stage ramp_up: 0→300 VUs"),
        event(31, false, "stage hold: 300 VUs"),
        event(70, true, "crossed: checks: rate==1"),
    ]
    .into();
    model
}

fn drawn(model: &Model, width: u16, height: u16) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a test backend");
    terminal.draw(|frame| draw(model, frame)).expect("drawn");
    terminal
}

fn picture(model: &Model, width: u16, height: u16) -> String {
    drawn(model, width, height).backend().to_string()
}

#[test]
fn forty_columns() {
    insta::assert_snapshot!(picture(&model(), 40, 30));
}

#[test]
fn eighty_columns() {
    insta::assert_snapshot!(picture(&model(), 80, 24));
}

#[test]
fn a_hundred_and_sixty_columns() {
    insta::assert_snapshot!(picture(&model(), 160, 45));
}

#[test]
fn twenty_by_five() {
    insta::assert_snapshot!(picture(&model(), 20, 5));
}

#[test]
fn before_the_load_and_with_help() {
    let mut model = Model::new(model().load);
    model.step("starting a private PostgreSQL, Redis and server");
    model.help = true;
    insta::assert_snapshot!(picture(&model, 80, 16));
}

#[test]
fn iterations_and_stopping() {
    let mut model = model();
    model.load.planned = Some(300);
    model.iterations = 120;
    model.ending = Ending::Graceful;
    insta::assert_snapshot!(picture(&model, 80, 12));
}

/// Down to nothing, with and without data: drawing outside the frame would panic.
#[test]
fn no_size_is_too_small() {
    let mut helped = model();
    helped.help = true;
    for model in [Model::new(model().load), helped] {
        for width in [0, 1, 2, 5, 20, 40, 64, 120, 300] {
            for height in [0, 1, 2, 3, 4, 5, 6, 9, 16, 40] {
                drawn(&model, width, height);
            }
        }
    }
}
