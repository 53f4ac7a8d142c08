#pragma once

namespace pillion::server {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace pillion::server
