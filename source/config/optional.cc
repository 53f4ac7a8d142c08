#include "source/config/optional.h"

#include <algorithm>
#include <string>

#include "google/protobuf/any.pb.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "source/config/scalar.h"
#include "source/config/tree.h"
#include "xds/type/v3/typed_struct.pb.h"

namespace pillion::config {
namespace {

namespace pb = google::protobuf;

constexpr char kField[] = "is_optional";

bool IsAny(const pb::FieldDescriptor& field) {
  return field.cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE && !field.is_repeated() &&
         field.message_type()->well_known_type() == pb::Descriptor::WELLKNOWNTYPE_ANY;
}

const pb::FieldDescriptor* OptionalField(const pb::Descriptor& type) {
  const pb::FieldDescriptor* const field = type.FindFieldByName(kField);
  return field != nullptr && field->cpp_type() == pb::FieldDescriptor::CPPTYPE_BOOL ? field : nullptr;
}

}  // namespace

bool IsOptional(const pb::Message& message, const pb::FieldDescriptor& field) {
  const pb::FieldDescriptor* const says = IsAny(field) ? OptionalField(*message.GetDescriptor()) : nullptr;
  return says != nullptr && message.GetReflection()->GetBool(message, says);
}

bool IsOptional(const TreeNode& node, const pb::Descriptor& type, const pb::FieldDescriptor& field) {
  const pb::FieldDescriptor* const says = IsAny(field) ? OptionalField(type) : nullptr;
  if (says == nullptr) return false;
  return std::ranges::any_of(node.members, [says](const TreeNode::Member& member) {
    if (member.key != says->name() && member.key != says->camelcase_name()) return false;
    return member.value->kind == TreeNode::Kind::kScalar && ReadBool(*member.value).value_or(false);
  });
}

void KeepName(std::string_view url, pb::Any& any) {
  xds::type::v3::TypedStruct name;
  name.set_type_url(std::string(url));
  any.PackFrom(name);
}

}  // namespace pillion::config
