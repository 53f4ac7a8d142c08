#include "source/config/changed_fields.h"

#include <memory>

#include "google/protobuf/message.h"
#include "google/protobuf/util/message_differencer.h"
#include "source/config/config_error.h"

namespace pillion::config {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

bool Has(const Message& message, const FieldDescriptor& field) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  return field.is_repeated() ? reflection.FieldSize(message, &field) > 0 : reflection.HasField(message, &field);
}

// A message that has nothing else.
std::unique_ptr<Message> Alone(const Message& message, const FieldDescriptor& field) {
  std::unique_ptr<Message> alone(message.New());
  alone->CopyFrom(message);
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const FieldDescriptor* each : fields) {
    if (each != &field) alone->GetReflection()->ClearField(alone.get(), each);
  }
  return alone;
}

// Not those that are written as one value, as durations are.
bool HasParts(const FieldDescriptor& field) {
  return !field.is_repeated() && field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
         field.message_type()->file()->package() != "google.protobuf";
}

bool Differ(const Message& before, const Message& after, const FieldDescriptor& field) {
  return !google::protobuf::util::MessageDifferencer::Equals(*Alone(before, field), *Alone(after, field));
}

}  // namespace

std::vector<std::string> ChangedFields(const Message& before, const Message& after, bool whole) {
  std::vector<std::string> changed;
  const google::protobuf::Descriptor& type = *before.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if ((!whole && !Has(after, field)) || !Differ(before, after, field)) continue;
    if (!HasParts(field) || !Has(before, field) || !Has(after, field)) {
      changed.push_back(field.name());
      continue;
    }
    const Message& part = before.GetReflection()->GetMessage(before, &field);
    const Message& next = after.GetReflection()->GetMessage(after, &field);
    for (int k = 0; k < part.GetDescriptor()->field_count(); ++k) {
      const FieldDescriptor& below = *part.GetDescriptor()->field(k);
      if (Differ(part, next, below)) changed.push_back(FieldPath(field.name(), below.name()));
    }
  }
  return changed;
}

}  // namespace pillion::config
