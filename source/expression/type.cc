#include "source/expression/type.h"

#include <utility>

namespace pillion::expression {

struct Type::Parts {
  Type key;
  Type element;
};

Type Type::element() const { return parts_ ? parts_->element : Type(); }
Type Type::key() const { return parts_ ? parts_->key : Type(); }

Type Type::List(Type element) {
  Type made(Kind::kList);
  made.parts_ = std::make_shared<const Parts>(Parts{{}, std::move(element)});
  return made;
}

Type Type::Map(Type key, Type value) {
  Type made(Kind::kMap);
  made.parts_ = std::make_shared<const Parts>(Parts{std::move(key), std::move(value)});
  return made;
}

bool Type::Fits(const Type& other) const {
  if (is_dynamic() || other.is_dynamic()) return true;
  if (kind_ != other.kind_) return false;
  if (parts_ == nullptr) return true;
  return key().Fits(other.key()) && element().Fits(other.element());
}

Type Type::Joined(const Type& other) const {
  if (is_dynamic() || other.is_dynamic() || kind_ != other.kind_) return {};
  if (kind_ == Kind::kList) return List(element().Joined(other.element()));
  if (kind_ == Kind::kMap) return Map(key().Joined(other.key()), element().Joined(other.element()));
  return *this;
}

std::string Type::Text() const {
  if (is_dynamic()) return "dyn";
  std::string text(KindName(kind_));
  if (kind_ == Kind::kList) text += "(" + element().Text() + ")";
  if (kind_ == Kind::kMap) text += "(" + key().Text() + ", " + element().Text() + ")";
  return text;
}

}  // namespace pillion::expression
