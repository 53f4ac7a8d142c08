#pragma once

// What expressions may know of a connection that no request has come by: its ends, and who the peer is. A view of its facts.

#include "source/access/request.h"
#include "source/expression/attributes.h"
#include "source/expression/catalog.h"

namespace pillion::access {

class ConnectionAttributes final : public expression::Attributes {
 public:
  explicit ConnectionAttributes(const ConnectionFacts& facts) : facts_(facts) {}

  // The names that there are.
  static const expression::Catalog& Names();

  expression::Value Get(expression::Attribute which, base::Arena& arena) const override;
  // There are no maps.
  expression::Value Find(expression::Attribute, const expression::Key&, base::Arena&) const override { return Missing(); }
  expression::Value Keys(expression::Attribute, base::Arena&) const override { return Missing(); }

 private:
  const ConnectionFacts& facts_;
};

// The first URI of the certificate, else its first DNS name, else its subject; empty: it has none.
std::string_view PrincipalOf(const Peer& peer);

}  // namespace pillion::access
