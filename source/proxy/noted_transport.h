#pragma once

// What filters noted of how TLS to the host of a request is to be made, under Envoy's names: the server name to ask for,
// names of which one must be the certificate's, and protocols to offer.

#include <string_view>

#include "source/metadata/annotations.h"
#include "source/upstream/pool.h"

namespace pillion::proxy {

inline constexpr std::string_view kNotedServerName = "envoy.network.upstream_server_name";
inline constexpr std::string_view kNotedSubjectAltNames = "envoy.network.upstream_subject_alt_names";
inline constexpr std::string_view kNotedApplicationProtocols = "envoy.network.application_protocols";

// What is noted takes the place of what `needs` has; its texts live as long as `state`.
void TakeNotedTransport(const metadata::FilterState& state, upstream::ConnectionNeeds& needs);

// Objects that are shared with connections to internal listeners, as ConnectionNeeds::passed has them; in `arena`. `notes`
// may be null.
std::string_view SharedObjects(const metadata::Annotations* notes, base::Arena& arena);

}  // namespace pillion::proxy
