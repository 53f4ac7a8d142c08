// What is added to heads, and removed from them.

#include "source/config/build.h"
#include "source/config/text.h"
#include "source/http/framing.h"
#include "source/http/syntax.h"

namespace pillion::config {
namespace {

using Added = google::protobuf::RepeatedPtrField<envoy::config::core::v3::HeaderValueOption>;
using Removed = google::protobuf::RepeatedPtrField<std::string>;
using envoy::config::core::v3::HeaderValueOption;

AddedHeader::Action BuildAction(BuildContext& context, const HeaderValueOption& from, const std::string& path) {
  if (from.has_append()) {
    if (from.append_action() != HeaderValueOption::APPEND_IF_EXISTS_OR_ADD) {
      context.errors.Add(FieldPath(path, "append"), "excludes append_action");
    }
    return from.append().value() ? AddedHeader::Action::kAppend : AddedHeader::Action::kOverwriteOrAdd;
  }
  switch (from.append_action()) {
    case HeaderValueOption::ADD_IF_ABSENT:
      return AddedHeader::Action::kAddIfAbsent;
    case HeaderValueOption::OVERWRITE_IF_EXISTS_OR_ADD:
      return AddedHeader::Action::kOverwriteOrAdd;
    case HeaderValueOption::OVERWRITE_IF_EXISTS:
      return AddedHeader::Action::kOverwriteIfThere;
    default:
      return AddedHeader::Action::kAppend;
  }
}

}  // namespace

http::FieldName BuildEditedName(BuildContext& context, const std::string& text, const std::string& path) {
  http::FieldName name(text);
  if (text.empty()) {
    context.errors.AddMissing(path, path, "empty, but required");
  } else if (!http::FieldName::IsFieldName(text)) {
    context.errors.Add(path, Concat(Quote(text), ", expected a header's name"));
  } else if (name.is_pseudo() || http::IsFraming(name.text())) {
    context.errors.Add(path, Concat(Quote(text), " can be neither added nor removed"));
  }
  return name;
}

std::optional<AddedHeader> BuildAddedHeader(BuildContext& context, const HeaderValueOption& from,
                                            const std::string& path) {
  const std::string header = FieldPath(path, "header");
  if (!from.has_header() || from.header().key().empty()) return std::nullopt;  // said already
  if (!http::IsFieldValue(http::TrimBlanks(from.header().value()))) {
    context.errors.Add(FieldPath(header, "value"), Concat(Quote(from.header().value()), " is no header's value"));
  }
  absl::StatusOr<telemetry::TextFormat> value = telemetry::TextFormat::Compile(from.header().value());
  if (!value.ok()) {
    context.errors.Add(FieldPath(header, "value"), std::string(value.status().message()));
    return std::nullopt;
  }
  return AddedHeader{.name = BuildEditedName(context, from.header().key(), FieldPath(header, "key")),
                     .value = *std::move(value),
                     .action = BuildAction(context, from, path),
                     .keep_empty_value = from.keep_empty_value()};
}

HeaderEdits BuildHeaderEdits(BuildContext& context, const Added& added, const std::string& added_path,
                             const Removed& removed, const std::string& removed_path) {
  HeaderEdits edits;
  for (int i = 0; i < removed.size(); ++i) {
    edits.remove.push_back(BuildEditedName(context, removed[i], ElementPath(removed_path, i)));
  }
  for (int i = 0; i < added.size(); ++i) {
    auto header = BuildAddedHeader(context, added[i], ElementPath(added_path, i));
    if (header) edits.add.push_back(*std::move(header));
  }
  return edits;
}

std::vector<HeaderMutation> BuildHeaderMutations(
    BuildContext& context,
    const google::protobuf::RepeatedPtrField<envoy::config::common::mutation_rules::v3::HeaderMutation>& from,
    const std::string& path) {
  std::vector<HeaderMutation> mutations;
  for (int i = 0; i < from.size(); ++i) {
    const auto& item = from[i];
    const std::string place = ElementPath(path, i);
    HeaderMutation mutation;
    if (item.has_append()) {
      if (auto added = BuildAddedHeader(context, item.append(), FieldPath(place, "append"))) {
        mutation.edit.add.push_back(*std::move(added));
      }
    } else if (item.has_remove_on_match()) {
      mutation.remove = BuildStringMatcher(context, item.remove_on_match().key_matcher(),
                                           FieldPath(FieldPath(place, "remove_on_match"), "key_matcher"));
    } else {
      mutation.edit.remove.push_back(BuildEditedName(context, item.remove(), FieldPath(place, "remove")));
    }
    mutations.push_back(std::move(mutation));
  }
  return mutations;
}

}  // namespace pillion::config
