pub use wedge::*;
