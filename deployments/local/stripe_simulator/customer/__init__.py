"""Customers and what they buy with: products, prices, coupons, discounts and payment methods."""
