//! Folders that devices share.

use kernel::action::{Effect, Risk, Shape};
use sync::WorkspaceId;

use super::describe::{key, look, needs, risking, taking};
use crate::registry::{Arguments, Command, Fault, FaultKind};
use crate::sharing::Order;

/// What shares them.
pub const COMMANDS: &[Command] = &[
    taking(
        risking(
            key(
                "sync.share",
                "Share a folder with your devices",
                "Its texts are on every device that joins it from then on, as they are edited.",
                |program, it| {
                    let path = it.path("path")?;
                    program.ask_sharing(|reply| Order::Share(path, reply))
                },
            ),
            Risk::L2,
            Effect::Once,
        ),
        &[needs("path", Shape::Path, "the folder")],
        Shape::Object,
    ),
    taking(
        risking(
            key(
                "sync.join",
                "Join a shared folder",
                "Brings what is shared into a folder of this device. What lies there already and \
                 is another text is kept beside it.",
                |program, it| {
                    let (id, path) = (workspace(it)?, it.path("path")?);
                    program.ask_sharing(|reply| Order::Join(id, path, reply))
                },
            ),
            Risk::L2,
            Effect::Once,
        ),
        &[
            needs("id", Shape::Text, "the shared folder's id, as `hearth sync status` tells it"),
            needs("path", Shape::Path, "the folder on this device"),
        ],
        Shape::Object,
    ),
    taking(
        risking(
            look(
                "sync.status",
                "Read how shared folders stand",
                "With every peer: what it lacks, and what waits for it.",
                |program, _| program.ask_sharing(Order::Status),
            ),
            Risk::L0,
            Effect::Pure,
        ),
        &[],
        Shape::Object,
    ),
];

fn workspace(arguments: &Arguments) -> Result<WorkspaceId, Fault> {
    let id = arguments.text("id")?.parse();
    id.map_err(|error| Fault::told(FaultKind::Usage, &error))
}
