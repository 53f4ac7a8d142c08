#include "source/proxy/noted_transport.h"

#include <string>

#include "source/net/passed.h"

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

std::string_view SharedObjects(const metadata::Annotations* notes, base::Arena& arena) {
  if (notes == nullptr) return {};
  using Shared = metadata::FilterState::Shared;
  std::string objects;
  notes->filter_state.ForEachShared([&](const metadata::FilterState::Object& object) {
    net::AppendObject(objects, {.name = std::string(object.name),
                                .text = std::string(object.text),
                                .json = std::string(object.json),
                                .read_only = object.read_only,
                                .transitive = object.shared == Shared::kTransitive});
  });
  return objects.empty() ? std::string_view() : arena.Copy(objects);
}

}  // namespace pillion::proxy
