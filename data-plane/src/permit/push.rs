//! What becomes of webhooks under the policies of a plan and an agent.

use signalbox_proto::model::push::{PushMode, PushPolicy};

use super::webhook::{self, NotAllowed};
use crate::error::{Code, GatewayError};

/// How webhooks are treated for callers who may come by any of these plans: the agent's own policy at least, and the most
/// open plan's. Without a plan nobody calls, and the agent's alone counts.
///
/// A card that is not made for one plan says that there are none if this is `Off`.
pub fn push_mode<'a>(agent: &PushPolicy, plans: impl Iterator<Item = &'a PushPolicy>) -> PushMode {
    let most_open = plans.map(|plan| plan.mode).min().unwrap_or_default();
    agent.mode.max(most_open)
}

/// The policies that hold for one call; each of them has to be satisfied.
#[derive(Clone, Copy, Debug)]
pub struct PushRules<'a> {
    agent: &'a PushPolicy,
    plan: &'a PushPolicy,
}

impl<'a> PushRules<'a> {
    /// Those of an agent and of the plan that admitted the caller.
    pub fn new(agent: &'a PushPolicy, plan: &'a PushPolicy) -> Self {
        Self { agent, plan }
    }

    /// The stricter mode.
    pub fn mode(&self) -> PushMode {
        self.agent.mode.max(self.plan.mode)
    }

    /// Refuses a call that manages or embeds a webhook where there are none.
    ///
    /// # Errors
    /// `PushNotSupported`.
    pub fn check_use(&self, uses_push: bool) -> Result<(), GatewayError> {
        if uses_push && self.mode() == PushMode::Off {
            return Err(Code::PushNotSupported.into());
        }
        Ok(())
    }

    /// Checks the URL of a webhook where URLs are validated. An empty one leads nowhere.
    ///
    /// # Errors
    /// `WebhookNotAllowed`, with what is wrong with it.
    pub fn check_webhook(&self, url: &str) -> Result<(), GatewayError> {
        if self.mode() != PushMode::Validate || url.is_empty() {
            return Ok(());
        }
        webhook::check(url, &[self.agent, self.plan]).map_err(refusal)
    }
}

fn refusal(why: NotAllowed) -> GatewayError {
    GatewayError::new(Code::WebhookNotAllowed).detail(why.advice()).caused_by(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(mode: PushMode) -> PushPolicy {
        PushPolicy { mode, ..Default::default() }
    }

    #[test]
    fn a_card_shows_what_some_caller_may_use() {
        use PushMode::{Off, Pass, Validate};
        let mode = |agent, plans: &[PushMode]| {
            let plans: Vec<PushPolicy> = plans.iter().map(|mode| policy(*mode)).collect();
            push_mode(&policy(agent), plans.iter())
        };
        assert_eq!(mode(Pass, &[]), Pass);
        assert_eq!(mode(Pass, &[Off, Validate]), Validate);
        assert_eq!(mode(Pass, &[Off, Off]), Off);
        assert_eq!(mode(Off, &[Pass]), Off);
        assert_eq!(mode(Validate, &[Pass, Off]), Validate);
    }

    #[test]
    fn the_stricter_mode_wins() {
        let (pass, validate, off) =
            (policy(PushMode::Pass), policy(PushMode::Validate), policy(PushMode::Off));
        let code = |result: Result<(), GatewayError>| result.err().map(|error| error.code());
        let bad = "http://127.0.0.1/";
        assert_eq!(code(PushRules::new(&pass, &pass).check_webhook(bad)), None);
        for rules in [PushRules::new(&pass, &validate), PushRules::new(&validate, &pass)] {
            assert_eq!(code(rules.check_webhook(bad)), Some(Code::WebhookNotAllowed));
            assert_eq!(code(rules.check_webhook("https://hooks.example/")), None);
            assert_eq!(code(rules.check_webhook("")), None);
            assert_eq!(code(rules.check_use(true)), None);
        }
        for rules in [PushRules::new(&off, &validate), PushRules::new(&pass, &off)] {
            assert_eq!(code(rules.check_use(true)), Some(Code::PushNotSupported));
            assert_eq!(code(rules.check_use(false)), None);
        }
    }
}
