//! People and the roles they hold.

use super::words::words;

words! {
    /// A group role of the database. What each may do follows from the verbs that name it.
    pub enum Role {
        /// Reads everything, changes nothing.
        Viewer = "viewer",
        /// Works on orders, stock and parcels.
        Warehouse = "warehouse",
        /// Inspects what leaves the house.
        Quality = "quality",
        /// Answers customers.
        Support = "support",
        /// May do what each team does, and decide exceptions.
        Supervisor = "supervisor",
        /// May do everything, and manages staff.
        Admin = "admin",
        /// The worker: what moves by itself.
        Worker = "worker",
        /// The web shop: places orders, reads promises.
        Shop = "shop",
    }
}

impl Role {
    /// The database role's name, such as `packline_support`.
    pub fn database_role(self) -> String {
        format!("packline_{self}")
    }

    /// Roles whose verbs this role has too: a supervisor acts for every team, an admin for all.
    pub const fn includes(self) -> &'static [Role] {
        match self {
            Role::Supervisor => &[Role::Warehouse, Role::Quality, Role::Support, Role::Viewer],
            Role::Admin => &[
                Role::Supervisor,
                Role::Warehouse,
                Role::Quality,
                Role::Support,
                Role::Viewer,
            ],
            Role::Warehouse | Role::Quality | Role::Support | Role::Worker => &[Role::Viewer],
            Role::Viewer | Role::Shop => &[],
        }
    }
}

/// Who is at the keyboard: a database login and the group roles it is a member of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The login, as in `session_user`.
    pub login: String,
    /// The name as customers read it; the login of somebody who is not among the staff.
    pub name: String,
    /// Every role held, directly or through another.
    pub roles: Vec<Role>,
}

impl Person {
    /// Whether the person holds one of these roles, directly or through another.
    pub fn holds_any(&self, roles: &[Role]) -> bool {
        self.roles
            .iter()
            .any(|held| roles.contains(held) || held.includes().iter().any(|r| roles.contains(r)))
    }

    /// The role to show in the header: the widest one held.
    pub fn foremost_role(&self) -> Option<Role> {
        const BY_WIDTH: [Role; 8] = [
            Role::Admin,
            Role::Supervisor,
            Role::Support,
            Role::Quality,
            Role::Warehouse,
            Role::Worker,
            Role::Shop,
            Role::Viewer,
        ];
        BY_WIDTH.into_iter().find(|role| self.roles.contains(role))
    }
}
