#include "source/route/header_edits.h"

#include <string>

#include "source/http/syntax.h"

namespace pillion::route {
namespace {

using Action = config::AddedHeader::Action;
using http::HeaderId;

bool Has(const http::HeaderMap& headers, const http::FieldName& name) { return name.First(headers).has_value(); }

void Remove(http::HeaderMap& headers, const http::FieldName& name) {
  if (Has(headers, name)) headers.RemoveIf([&](const http::HeaderField& field) { return name.Is(field); });
}

// A field that is known by an id and is there already becomes a list (RFC 9110, 5.3), for programs that look at one
// line of it only. Cookies are no such list.
void Append(http::HeaderMap& headers, const http::FieldName& name, std::string_view value) {
  const bool list = name.id() != HeaderId::kUnknown && name.id() != HeaderId::kCookie && name.id() != HeaderId::kSetCookie;
  if (!list || !headers.Has(name.id())) {
    headers.Add(name.id(), name.text(), value);
    return;
  }
  base::ArenaText text;
  text.Append(headers.arena(), *name.All(headers));
  text.Append(headers.arena(), ",");
  text.Append(headers.arena(), value);
  headers.Set(name.id(), text.view());
}

bool Overwrites(Action action) { return action == Action::kOverwriteOrAdd || action == Action::kOverwriteIfThere; }

bool Applies(const config::AddedHeader& added, const http::HeaderMap& headers) {
  switch (added.action) {
    case Action::kAppend:
    case Action::kOverwriteOrAdd:
      return true;
    case Action::kAddIfAbsent:
      return !Has(headers, added.name);
    case Action::kOverwriteIfThere:
      return Has(headers, added.name);
  }
  return false;
}

}  // namespace

void ApplyHeaderEdits(const config::HeaderEdits& edits, const telemetry::RequestRecord& record,
                      http::HeaderMap& headers) {
  for (const http::FieldName& name : edits.remove) Remove(headers, name);
  if (edits.add.empty()) return;
  // All are decided by what was there before any; null: nothing to add.
  static thread_local std::string scratch;
  auto* const values = headers.arena().NewArray<std::string_view>(edits.add.size());
  for (size_t i = 0; i < edits.add.size(); ++i) {
    const config::AddedHeader& added = edits.add[i];
    values[i] = {};
    if (!Applies(added, headers)) continue;
    const std::string_view value = http::TrimBlanks(added.value.Evaluate(record, "", headers.arena(), scratch));
    if (!value.empty() && http::IsFieldValue(value)) values[i] = value;
    if (value.empty() && added.keep_empty_value) values[i] = "";
  }
  for (const bool overwriting : {true, false}) {
    for (size_t i = 0; i < edits.add.size(); ++i) {
      const config::AddedHeader& added = edits.add[i];
      if (values[i].data() == nullptr || Overwrites(added.action) != overwriting) continue;
      if (overwriting) Remove(headers, added.name);
      Append(headers, added.name, values[i]);
    }
  }
}

void ApplyHeaderMutations(const std::vector<config::HeaderMutation>& mutations, const telemetry::RequestRecord& record,
                          http::HeaderMap& headers) {
  for (const config::HeaderMutation& mutation : mutations) {
    if (mutation.remove) {
      // What frames the message is the codec's.
      headers.RemoveIf([&](const http::HeaderField& field) {
        return field.id != HeaderId::kContentLength && mutation.remove->Matches(field.name());
      });
    } else {
      ApplyHeaderEdits(mutation.edit, record, headers);
    }
  }
}

}  // namespace pillion::route
