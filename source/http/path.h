#pragma once

// One form for all spellings of a path, so that who decides by it and who serves it mean the same (RFC 3986, 6.2.2).
// Paths come with their query, which stays as it is; results lie in `arena`, or are the path itself. All input is
// untrusted.

#include <optional>
#include <string_view>

#include "source/base/arena.h"

namespace pillion::http {

// Escaped letters, digits and "-._~" as they are, what may not stand in a path escaped, '\' as '/', then without dot
// segments; "..;x" is one, as some servers have it. Nothing: it has a broken escape, or one of NUL.
std::optional<std::string_view> NormalizedPath(std::string_view path, base::Arena& arena);

// Several slashes as one.
std::string_view WithMergedSlashes(std::string_view path, base::Arena& arena);

// "%2F" and "%5C" as '/'.
std::string_view WithoutEscapedSlashes(std::string_view path, base::Arena& arena);

// Each segment without what follows a semicolon in it.
std::string_view WithoutParameters(std::string_view path, base::Arena& arena);

}  // namespace pillion::http
