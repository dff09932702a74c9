//! The routes of the platform's administrators.

use aide::axum::ApiRouter;
use aide::axum::routing::{delete_with, get_with, put_with};

use super::{audit, features, invitations, mailbox, overview, plans, tenants};
use crate::api::door::Shared;

/// What administrators of the platform are for.
pub(in crate::api) fn all() -> ApiRouter<Shared> {
    ApiRouter::new()
        .api_route(
            "/api/platform/tenants/",
            get_with(tenants::list, op!("platform", "listTenants", "All tenants")).post_with(
                tenants::make,
                op!("platform", "createTenant", "Make a tenant"),
            ),
        )
        .api_route(
            "/api/platform/tenants/{slug}/",
            get_with(tenants::show, op!("platform", "showTenant", "One tenant")).patch_with(
                tenants::change,
                op!("platform", "changeTenant", "Change a tenant"),
            ),
        )
        .api_route(
            "/api/platform/tenants/{slug}/features/",
            put_with(
                tenants::set_features,
                op!("platform", "setTenantFeatures", "Set overrides of features"),
            ),
        )
        .api_route(
            "/api/platform/plans/",
            get_with(plans::list, op!("platform", "listPlans", "All plans"))
                .post_with(plans::make, op!("platform", "createPlan", "Make a plan"))
                .patch_with(
                    plans::change,
                    op!("platform", "changePlan", "Change a plan", [404]),
                ),
        )
        .api_route(
            "/api/platform/features/",
            get_with(
                features::list,
                op!("platform", "listFeatures", "The catalogue of features"),
            )
            .post_with(
                features::add,
                op!("platform", "createFeature", "Add a feature"),
            ),
        )
        .api_route(
            "/api/platform/invitations/",
            get_with(
                invitations::list,
                op!("platform", "listInvitations", "Invitations"),
            )
            .post_with(
                invitations::make,
                op!(
                    "platform",
                    "createInvitation",
                    "Invite the owner of a new tenant"
                ),
            ),
        )
        .api_route(
            "/api/platform/invitations/{id}/",
            delete_with(
                invitations::revoke,
                op!(
                    "platform",
                    "revokeInvitation",
                    "Take an invitation back",
                    [410]
                ),
            ),
        )
        .api_route(
            "/api/platform/mailbox/",
            get_with(
                mailbox::show,
                op!("platform", "showMailbox", "From where notices are sent"),
            )
            .post_with(
                mailbox::try_out,
                op!("platform", "tryMailbox", "Send a mail to oneself", [502]),
            )
            .delete_with(
                mailbox::disconnect,
                op!(
                    "platform",
                    "disconnectMailbox",
                    "Use the mailbox no more",
                    [404]
                ),
            ),
        )
        .api_route(
            "/api/platform/usage/",
            get_with(
                overview::usage,
                op!(
                    "platform",
                    "listUsage",
                    "How much each tenant uses of what its plan allows"
                ),
            ),
        )
        .api_route(
            "/api/platform/health/",
            get_with(
                overview::health,
                op!(
                    "platform",
                    "listHealth",
                    "How the links of each tenant are, in numbers"
                ),
            ),
        )
        .api_route(
            "/api/platform/audit/",
            get_with(
                audit::list,
                op!("platform", "listAudit", "The audit log, of all tenants"),
            ),
        )
}
