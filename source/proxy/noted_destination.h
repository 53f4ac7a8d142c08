#pragma once

// Where filters noted that a request, or a connection, is to go (metadata_key of an ORIGINAL_DST cluster).

#include <optional>
#include <string_view>

#include "source/config/cluster.h"
#include "source/metadata/annotations.h"

namespace pillion::proxy {

// A text, or the first one of a list; it is to be an address and a port. Nothing: the cluster does not ask for it, or
// nobody has noted one.
std::optional<std::string_view> NotedDestination(const config::OriginalDstCluster& cluster,
                                                 const metadata::Annotations& notes);

}  // namespace pillion::proxy
