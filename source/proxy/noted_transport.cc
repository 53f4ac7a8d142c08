#include "source/proxy/noted_transport.h"

namespace pillion::proxy {

void TakeNotedTransport(const metadata::FilterState& state, upstream::ConnectionNeeds& needs) {
  const auto take = [&state](std::string_view name, std::string_view& to) {
    const metadata::FilterState::Object* const object = state.Find(name);
    if (object != nullptr && !object->text.empty()) to = object->text;
  };
  take(kNotedServerName, needs.server_name);
  take(kNotedSubjectAltNames, needs.expected_names);
  take(kNotedApplicationProtocols, needs.alpn);
}

}  // namespace pillion::proxy
